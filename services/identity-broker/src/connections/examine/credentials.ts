import { randomUUID } from 'node:crypto'
import type { Egress } from '@onbehalf/egress'
import { authenticationOf, type Credentials } from '../authenticate.ts'
import { bytesMax } from '../json.ts'
import type { Settings } from '../settings.ts'
import { bodyOf, errorIn } from '../token-endpoint.ts'
import type { Quirk } from '../vocabulary.ts'
import { type Finding, wordsOf } from './finding.ts'

type Probe = { egress: Pick<Egress, 'request'>; credentials: Credentials; callbackUrl: string }
type Said = 'accepted' | 'refused' | 'unclear'
type Found = { finding: Finding; quirks: Quirk[] }

const check = 'credentials'
const found = (ok: boolean, message: string, quirks: Quirk[] = []): Found => ({
  finding: { check, ok, message },
  quirks
})

/** What an IdP that refuses the client may need in its place: another reading of the same credential. */
const alternatives: Readonly<Partial<Record<Settings['client_authentication'], Quirk>>> = {
  basic: 'basic_not_encoded',
  private_key_jwt: 'assertion_for_token_endpoint'
}

/**
 * Redeems a code nobody has: an IdP that knows the client refuses the code, and one that does not refuses the client.
 * Where it refuses the client, the same credential is shown in another way.
 */
export const examineCredentials = async (probe: Probe, settings: Settings): Promise<Found> => {
  const said = await ask(probe, settings)
  if (said instanceof Error) return found(false, wordsOf(said))
  if (said === 'accepted') return found(true, 'The IdP knows the client and accepts how it authenticates.')
  if (said === 'unclear') return found(false, 'The token endpoint does not answer as RFC 6749 §5.2 has it.')
  const quirk = alternatives[settings.client_authentication]
  const isOther = quirk && !settings.quirks.includes(quirk)
  if (isOther && (await ask(probe, { ...settings, quirks: [...settings.quirks, quirk] })) === 'accepted')
    return found(false, `The IdP refuses the client, unless the quirk ${quirk} is set. Set it.`, [quirk])
  const other = settings.client_authentication === 'basic' ? 'post' : 'basic'
  const hasSecret = settings.client_secret !== null
  if (hasSecret && (await ask(probe, { ...settings, client_authentication: other })) === 'accepted')
    return found(false, `The IdP refuses the client, unless client_authentication is ${other}. Choose that.`)
  return found(false, 'The IdP refuses the client (invalid_client). Check client_id, secret and client_authentication.')
}

const ask = async ({ egress, credentials, callbackUrl }: Probe, settings: Settings): Promise<Said | Error> => {
  const url = settings.token_endpoint ?? ''
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code: `test-${randomUUID()}`,
    redirect_uri: callbackUrl,
    code_verifier: `${randomUUID()}${randomUUID()}`
  })
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' })
  try {
    await authenticationOf(settings, credentials, url)(body, headers)
    const response = await egress.request(url, {
      ...{ method: 'POST', headers: Object.fromEntries(headers), body: body.toString() },
      ...{ carriesCredential: true, timeoutMs: 10_000, maxBytes: bytesMax }
    })
    return read(response.status, await response.text())
  } catch (error) {
    return error instanceof Error ? error : new Error('unknown')
  }
}

/** RFC 6749 §5.2 */
const read = (status: number, text: string): Said => {
  const error = errorIn(bodyOf({ text }))
  if (status === 401 || error === 'invalid_client') return 'refused'
  return error === 'invalid_grant' ? 'accepted' : 'unclear'
}
