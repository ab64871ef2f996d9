import { randomUUID } from 'node:crypto'
import { inflateRawSync } from 'node:zlib'
import { generate } from 'selfsigned'
import { SignedXml } from 'xml-crypto'
import { recordSecrets } from '../test-run.ts'

/** A certificate and its key, made for this run. */
export const makeCertificate = async (keySize: 1024 | 2048 = 2048) => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'idp.example' }], {
    ...{ keyType: 'rsa', keySize, algorithm: 'sha256' }
  })
  recordSecrets([key])
  return { cert, key }
}

export type AuthnRequest = {
  id: string
  acs: string
  issuer: string
  destination: string
  relayState: string
  xml: string
}

/** What a browser is sent to an IdP with. */
export const readRequest = (location: string): AuthnRequest => {
  const { searchParams } = new URL(location)
  const xml = inflateRawSync(Buffer.from(searchParams.get('SAMLRequest') ?? '', 'base64')).toString()
  const attribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(xml)?.[1] ?? ''
  return {
    ...{ id: attribute('ID'), acs: attribute('AssertionConsumerServiceURL'), destination: attribute('Destination') },
    issuer: /Issuer[^>]*>([^<]*)</.exec(xml)?.[1] ?? '',
    relayState: searchParams.get('RelayState') ?? '',
    xml
  }
}

/** What an answer says; everything is as it should be unless the test says otherwise. */
export type Saying = {
  entityId: string
  nameId: string
  nameIdFormat: string
  attributes: Record<string, string>
  audience: string
  recipient: string
  destination: string
  inResponseTo: string
  /** As the assertion's subject has it. */
  confirmedFor: string
  method: string
  id: string
  issuedAt: number
  /** When the IdP authenticated them; undefined: it does not say. */
  authenticatedAt: number | undefined
  notBefore: number
  notOnOrAfter: number
  status: string
}

const emailFormat = 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress'
export const usual = (entityId: string, request: AuthnRequest, now = Date.now()): Saying => ({
  ...{ entityId, nameId: 'ann@acme.test', nameIdFormat: emailFormat, attributes: { name: 'Ann' } },
  ...{ audience: request.issuer, recipient: request.acs, destination: request.acs },
  ...{ inResponseTo: request.id, confirmedFor: request.id, method: 'urn:oasis:names:tc:SAML:2.0:cm:bearer' },
  ...{
    id: `_${randomUUID()}`,
    issuedAt: now,
    authenticatedAt: now,
    notBefore: now - 1_000,
    notOnOrAfter: now + 300_000
  },
  status: 'Success'
})

const at = (ms: number) => new Date(ms).toISOString()
const attribute = ([name, value]: [string, string]) =>
  `<saml:Attribute Name="${name}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`

/** The assertion, not signed. */
export const assertionOf = (said: Saying): string =>
  `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${said.id}" Version="2.0" IssueInstant="${at(said.issuedAt)}">` +
  `<saml:Issuer>${said.entityId}</saml:Issuer>` +
  `<saml:Subject><saml:NameID Format="${said.nameIdFormat}">${said.nameId}</saml:NameID>` +
  `<saml:SubjectConfirmation Method="${said.method}"><saml:SubjectConfirmationData Recipient="${said.recipient}" ` +
  `InResponseTo="${said.confirmedFor}" NotOnOrAfter="${at(said.notOnOrAfter)}"/></saml:SubjectConfirmation></saml:Subject>` +
  `<saml:Conditions NotBefore="${at(said.notBefore)}" NotOnOrAfter="${at(said.notOnOrAfter)}">` +
  `<saml:AudienceRestriction><saml:Audience>${said.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
  `<saml:AuthnStatement${said.authenticatedAt === undefined ? '' : ` AuthnInstant="${at(said.authenticatedAt)}"`} SessionIndex="1"/>` +
  `<saml:AttributeStatement>${Object.entries(said.attributes).map(attribute).join('')}</saml:AttributeStatement>` +
  '</saml:Assertion>'

/** The response around an assertion, not signed. */
export const responseOf = (said: Saying, assertion: string): string =>
  `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_${randomUUID()}" Version="2.0" ` +
  `IssueInstant="${at(said.issuedAt)}" Destination="${said.destination}" InResponseTo="${said.inResponseTo}">` +
  `<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${said.entityId}</saml:Issuer>` +
  `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${said.status}"/></samlp:Status>` +
  `${assertion}</samlp:Response>`

type Signing = { key: string; cert: string; what?: 'Assertion' | 'Response'; hash?: 'sha1' | 'sha256' }

const signatures = {
  sha1: ['http://www.w3.org/2000/09/xmldsig#rsa-sha1', 'http://www.w3.org/2000/09/xmldsig#sha1'],
  sha256: ['http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2001/04/xmlenc#sha256']
} as const

/** Signs the assertion or the response of a document, enveloped, as SAML core §5.4 has it. */
export const sign = (xml: string, { key, cert, what = 'Assertion', hash = 'sha256' }: Signing): string => {
  const [signatureAlgorithm, digestAlgorithm] = signatures[hash]
  const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#'
  const signing = new SignedXml({
    ...{ privateKey: key, publicCert: cert, signatureAlgorithm, canonicalizationAlgorithm: exclusive }
  })
  const element = `//*[local-name(.)='${what}']`
  const transforms = ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive]
  signing.addReference({ xpath: element, digestAlgorithm, transforms })
  signing.computeSignature(xml, { location: { reference: `${element}/*[local-name(.)='Issuer']`, action: 'after' } })
  return signing.getSignedXml()
}
