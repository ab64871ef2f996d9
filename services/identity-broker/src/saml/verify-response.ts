import type { Sides } from './addresses.ts'
import { type Assertion, isConfirmed, readAssertion } from './assertion.ts'
import { serviceProvider, skewSeconds } from './service-provider.ts'
import type { SamlSettings } from './settings.ts'
import { signersOf } from './signers.ts'
import { requireStructure } from './structure.ts'

/**
 * The assertion of a response as it was posted (base64), where it is signed by the IdP, for us, in answer to the request
 * with this id, and in time. Throws otherwise.
 */
export const verifyResponse = async (
  posted: string,
  settings: SamlSettings,
  sides: Sides,
  requestId: string,
  nowMs = Date.now()
): Promise<Assertion> => {
  const bytes = Buffer.from(posted, 'base64')
  const xml = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  const { idp_entity_id: idpEntityId } = settings
  const signature = await requireStructure(xml, { acsUrl: sides.acsUrl, requestId, idpEntityId })
  // The document is verified with each certificate that is given.
  const certificates = signersOf(signature, settings.certificates)
  if (certificates.length === 0) throw new Error('signed with a key of which there is no certificate')
  const provider = await serviceProvider({ ...settings, certificates }, sides, { requestId })
  const { profile } = await provider.validatePostResponseAsync({
    // Exactly the text that was looked at.
    SAMLResponse: Buffer.from(xml).toString('base64')
  })
  const assertion = readAssertion(profile?.getAssertion?.())
  if (assertion.issuer !== idpEntityId) throw new Error('the assertion is of another issuer')
  const confirmed = { acsUrl: sides.acsUrl, requestId, nowMs, skewMs: skewSeconds * 1000 }
  if (!isConfirmed(assertion, confirmed)) throw new Error('the assertion is not for us, or not for now')
  return assertion
}
