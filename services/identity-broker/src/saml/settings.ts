import { orNull } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { pemOf } from './certificate.ts'

const closed = { additionalProperties: false } as const
const Url = Type.String({ minLength: 1, maxLength: 2048 })
const Name = Type.String({ minLength: 1, maxLength: 512 })

const fields = {
  /** What it calls itself (saml:Issuer): any URI. */
  idp_entity_id: Type.String({ minLength: 1, maxLength: 1024 }),
  /** Where browsers are sent, with the redirect binding. */
  entry_point: Url,
  /** Whose signatures are believed; several while the IdP changes its key. PEM or base64, shown as PEM. */
  certificates: Type.Array(Type.String({ minLength: 1, maxLength: 16_384 }), { minItems: 1, maxItems: 5 }),
  /** Which form of NameID to ask for; null asks for none. */
  name_id_format: orNull(Name),
  /** The attribute that has the e-mail; without one it is the NameID, where that has the form of an e-mail. */
  email_attribute: orNull(Name),
  /** Whether its e-mails count as verified. */
  email_verified: Type.Boolean(),
  name_attribute: orNull(Name)
}

/** How a tenant's IdP is reached by SAML 2, and what is believed of it. */
export const SamlSettings = Type.Object(fields, closed)
export type SamlSettings = Static<typeof SamlSettings>

/** What is left out has its default on create, and stays on update. */
export const SamlChange = Type.Partial(SamlSettings, closed)
export type SamlChange = Static<typeof SamlChange>

/** The settings of a connection that is of this kind. */
export const samlOf = ({ name, saml }: { name: string; saml: SamlSettings | null }): SamlSettings => {
  if (saml) return saml
  throw new Error(`the connection ${name} is none by SAML`)
}

const blank: SamlSettings = {
  ...{ idp_entity_id: '', entry_point: '', certificates: [] },
  ...{ name_id_format: null, email_attribute: null, email_verified: false, name_attribute: null }
}

/** The settings after a change. Throws `invalid_request`, naming the field, for a certificate that is none. */
export const applySaml = (stored: SamlSettings | null, change: SamlChange | undefined): SamlSettings => {
  const { certificates, ...plain } = change ?? {}
  const pems = certificates?.map((one, index) => pemOf(one, `saml.certificates.${index}`))
  return { ...(stored ?? blank), ...plain, ...(pems ? { certificates: [...new Set(pems)] } : {}) }
}
