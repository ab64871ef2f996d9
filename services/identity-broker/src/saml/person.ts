import type { NewUser } from '../database.ts'
import { failed } from '../sign-in/failed.ts'
import { personOf, standardClaims } from '../sign-in/person.ts'
import type { Assertion } from './assertion.ts'
import type { SamlSettings } from './settings.ts'

const emailFormat = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'
/** SAML core §8.3.8: another one at every sign-in. */
const transientFormat = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'

/** Who signed in: the NameID is the subject, and the rest is what the connection says of the attributes. */
export const personFrom = (assertion: Assertion, settings: SamlSettings): NewUser => {
  const { nameId, nameIdFormat, attributes } = assertion
  if (nameIdFormat === transientFormat)
    throw failed('The identity provider names you differently each time. An administrator must choose another NameID.')
  const { email_attribute, name_attribute, email_verified } = settings
  const stated = email_attribute === null ? undefined : attributes.get(email_attribute)
  const email = email_attribute === null && nameIdFormat === emailFormat ? nameId : stated
  const name = name_attribute === null ? undefined : attributes.get(name_attribute)
  return personOf({ sub: nameId, email, email_verified, name }, standardClaims)
}
