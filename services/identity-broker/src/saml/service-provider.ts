import type { SAML } from '@node-saml/node-saml'
import type { Sides } from './addresses.ts'
import type { SamlSettings } from './settings.ts'

// A megabyte, which a start without SAML does not wait for.
const load = () => import('@node-saml/node-saml')

/** For how long a request may be answered. */
export const requestSeconds = 600
/** How far the IdP's clock may be off. */
export const skewSeconds = 30

/** Our side of one exchange with an IdP: it asks with the id `requestId`, and takes an answer to that alone. */
export const serviceProvider = async (
  settings: SamlSettings,
  { entityId, acsUrl }: Sides,
  { requestId, isForced = false }: { requestId: string; isForced?: boolean }
): Promise<SAML> => {
  const { SAML, ValidateInResponseTo } = await load()
  const issuedAt = new Date().toISOString()
  return new SAML({
    ...{ issuer: entityId, audience: entityId, callbackUrl: acsUrl },
    ...{ entryPoint: settings.entry_point, idpCert: settings.certificates },
    identifierFormat: settings.name_id_format,
    // Whether the IdP is to ask who it is, also where it knows; how somebody signs in is its own business.
    ...{ forceAuthn: isForced, disableRequestedAuthnContext: true },
    generateUniqueId: () => requestId,
    validateInResponseTo: ValidateInResponseTo.always,
    cacheProvider: {
      saveAsync: async () => null,
      getAsync: async (id) => (id === requestId ? issuedAt : null),
      removeAsync: async () => null
    },
    // What counts is the assertion's own signature; the response may have one as well.
    ...{ wantAssertionsSigned: true, wantAuthnResponseSigned: false },
    ...{ acceptedClockSkewMs: skewSeconds * 1000, maxAssertionAgeMs: requestSeconds * 1000 }
  })
}

/** How we describe ourselves to an IdP (SAML metadata §2.4.4). */
export const metadataOf = async (
  id: string,
  { name_id_format }: SamlSettings,
  { entityId, acsUrl }: Sides
): Promise<string> => {
  const { generateServiceProviderMetadata } = await load()
  return generateServiceProviderMetadata({
    ...{ issuer: entityId, callbackUrl: acsUrl, identifierFormat: name_id_format, wantAssertionsSigned: true },
    // The same each time it is read.
    generateUniqueId: () => `_${id}`
  })
}
