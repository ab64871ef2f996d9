import type { Element } from '@xmldom/xmldom'

const protocol = 'urn:oasis:names:tc:SAML:2.0:protocol'
const assertion = 'urn:oasis:names:tc:SAML:2.0:assertion'
const dsig = 'http://www.w3.org/2000/09/xmldsig#'
const success = 'urn:oasis:names:tc:SAML:2.0:status:Success'

/** Nothing with SHA-1, and nothing that is verified with a secret. */
const algorithms: ReadonlySet<string> = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  'http://www.w3.org/2001/04/xmlenc#sha256',
  'http://www.w3.org/2001/04/xmlenc#sha512'
])

export type Expected = { acsUrl: string; requestId: string; idpEntityId: string }

/** What an IdP says in place of an assertion: a code, and perhaps words. */
export class SamlRefusal extends Error {
  override name = 'SamlRefusal'
}

/** Its words as they may be shown: as text, and not without end. */
export const wordsOf = ({ message }: SamlRefusal): string =>
  `The identity provider refused: ${message.replace(/\p{Cc}/gu, ' ').slice(0, shownMax)}.`

const shownMax = 200

/**
 * The response as an answer of this IdP, to this request, at this address, with one assertion in its usual place and
 * nothing that signatures could be mistaken about (signature wrapping: a second assertion, an id used twice, a signature
 * elsewhere). None of it is believed yet: it is not verified here. Throws for anything else.
 *
 * @returns the value of the assertion's signature
 */
export const requireStructure = async (xml: string, expected: Expected): Promise<Buffer> => {
  // SAML has no document type, and so no entities that could be expanded or fetched.
  if (/<!DOCTYPE|<!ENTITY|<\?(?!xml\s)/i.test(xml)) throw new Error('a document type or processing instruction')
  requireFew(xml)
  const response = await parse(xml)
  requireModest(response)
  require(response.namespaceURI === protocol && response.localName === 'Response', 'not a response')
  require(response.getAttribute('Version') === '2.0', 'not of SAML 2.0')
  require(response.getAttribute('InResponseTo') === expected.requestId, 'not the answer to this request')
  const destination = response.getAttribute('Destination')
  require(!destination || destination === expected.acsUrl, 'for another destination')
  for (const issuer of childrenOf(response, assertion, 'Issuer'))
    require(issuer.textContent?.trim() === expected.idpEntityId, 'of another issuer')
  requireSuccess(response)
  requireOneAssertion(response)
  requirePlainSignatures(response)
  return signatureValueIn(response)
}

/** Enough for somebody in a thousand groups; walking through elements takes time with the square of their number. */
const [elementsMax, attributesMax] = [1_500, 3_500]

const requireFew = (xml: string): void => {
  const countOf = (pattern: RegExp) => xml.match(pattern)?.length ?? 0
  require(countOf(/<[^/]/g) <= elementsMax, 'too many elements')
  require(countOf(/=\s*["']/g) <= attributesMax, 'too many attributes')
}

/** A response has about 10 levels; the others are numbers of characters. */
const [levelsMax, namespaceMax, prefixListsMax] = [20, 256, 1_024]

/** Who verifies a signature writes a namespace anew on each sibling, and all of it again for each level around it. */
const requireModest = (response: Element): void => {
  const elements = [response, ...allOf(response, '*', '*')]
  requireShallow(elements)
  const attributes = elements.flatMap((one) => Array.from(one.attributes))
  const isLong = attributes.some(({ name, value }) => name.startsWith('xmlns') && value.length > namespaceMax)
  require(!isLong, 'a namespace that is too long')
  const prefixLists = attributes.filter(({ name }) => name === 'PrefixList').map(({ value }) => value)
  require(prefixLists.join('').length <= prefixListsMax, 'too many prefixes')
}

/** They come in the order of the document, so each after the one around it. */
const requireShallow = (elements: Element[]): void => {
  const levels = new Map<unknown, number>()
  for (const one of elements) {
    const level = (levels.get(one.parentNode) ?? 0) + 1
    require(level <= levelsMax, 'elements too deep')
    levels.set(one, level)
  }
}

const parse = async (xml: string): Promise<Element> => {
  const { DOMParser } = await import('@xmldom/xmldom')
  const refuse = (message: string) => {
    throw new Error(`not well-formed: ${message}`)
  }
  const errorHandler = { warning: refuse, error: refuse, fatalError: refuse }
  const { documentElement } = new DOMParser({ errorHandler }).parseFromString(xml, 'text/xml')
  if (documentElement) return documentElement
  throw new Error('not XML')
}

const requireSuccess = (response: Element): void => {
  const [status] = childrenOf(response, protocol, 'Status')
  const [code] = status ? childrenOf(status, protocol, 'StatusCode') : []
  const value = code?.getAttribute('Value') ?? 'no status'
  if (value === success) return
  const [words] = status ? childrenOf(status, protocol, 'StatusMessage') : []
  throw new SamlRefusal([value.replace(/^.*:/, ''), words?.textContent ?? ''].join(' ').trim())
}

const requireOneAssertion = (response: Element): void => {
  require(allOf(response, assertion, 'EncryptedAssertion').length === 0, 'an encrypted assertion')
  const found = allOf(response, assertion, 'Assertion')
  require(found.length === 1 && found[0]?.parentNode === response, 'not one assertion in its place')
  const ids = allOf(response, '*', '*').flatMap((one) => one.getAttribute('ID') || [])
  require(new Set(ids).size === ids.length, 'an id that is used twice')
}

const requirePlainSignatures = (response: Element): void => {
  const holders = [response, ...childrenOf(response, assertion, 'Assertion')]
  const expected = holders.flatMap((one) => childrenOf(one, dsig, 'Signature').slice(0, 1))
  const found = allOf(response, dsig, 'Signature')
  require(found.length === expected.length && found.every((one) => expected.includes(one)), 'a signature out of place')
  require(allOf(response, dsig, 'Object').length === 0, 'a signature with content of its own')
  for (const name of ['SignatureMethod', 'DigestMethod'])
    for (const one of allOf(response, dsig, name))
      require(algorithms.has(one.getAttribute('Algorithm') ?? ''), 'signed with an algorithm that is not taken')
}

const signatureValueIn = (response: Element): Buffer => {
  const signatures = childrenOf(response, assertion, 'Assertion').flatMap((one) => childrenOf(one, dsig, 'Signature'))
  const [value] = signatures.flatMap((one) => allOf(one, '*', 'SignatureValue'))
  if (!value?.textContent) throw new Error('the assertion is not signed')
  return Buffer.from(value.textContent, 'base64')
}

const allOf = (inside: Element, namespace: string, name: string): Element[] =>
  Array.from(inside.getElementsByTagNameNS(namespace, name))

const childrenOf = (parent: Element, namespace: string, name: string): Element[] =>
  allOf(parent, namespace, name).filter((one) => one.parentNode === parent)

const require = (isSo: boolean, otherwise: string): void => {
  if (!isSo) throw new Error(otherwise)
}
