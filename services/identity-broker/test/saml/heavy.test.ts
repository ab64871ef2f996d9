import { constants, createSign } from 'node:crypto'
import { assertionOf, makeCertificate, responseOf, sign, usual } from '@onbehalf/testkit/saml'
import t from 'tap'
import { verifyResponse } from '../../src/saml/verify-response.ts'
import { encode, entityId, startSaml } from './start.ts'

const { stored, connect, begin, post, goOn, answerFor, idp, next, stranger } = await startSaml(t)
const five = [stranger, next, await makeCertificate(), await makeCertificate(), idp].map(({ cert }) => cert)
const unknown = await makeCertificate()
const settings = {
  ...{ idp_entity_id: entityId, entry_point: 'http://127.0.0.1:9/sso', certificates: five },
  ...{ name_id_format: null, email_attribute: null, email_verified: false, name_attribute: null }
}

type Begun = Awaited<ReturnType<typeof begin>>

/** Posts an answer, and goes on where it is taken. */
const answer = async (begun: Begun, xml: string) => {
  const posted = await post(begun, encode(xml))
  return posted.status === 303 ? goOn(begun.browser, posted) : posted
}

const schema = 'http://www.w3.org/2001/XMLSchema'
const group = (_: unknown, at: number) =>
  `<saml:AttributeValue xmlns:xs="${schema}" xmlns:xsi="${schema}-instance" xsi:type="xs:string">group number ${at}</saml:AttributeValue>`

await t.test('somebody in a thousand groups signs in, also where each says of what type it is', async (t) => {
  const { name } = await connect({ certificates: five })
  const begun = await begin(name)
  const said = usual(entityId, begun.request)
  const values = Array.from({ length: 1_000 }, group).join('')
  const groups = `<saml:Attribute Name="groups">${values}</saml:Attribute></saml:AttributeStatement>`
  const assertion = assertionOf(said).replace('</saml:AttributeStatement>', groups)
  t.equal((await answer(begun, sign(responseOf(said, assertion), idp))).status, 200)
})

/** The same answer, signed anew in another way. */
const signAnew = (xml: string, algorithm: string, hash: string, more: object = {}) => {
  const changed = xml.replace('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', algorithm)
  const inside = /<SignedInfo>.*<\/SignedInfo>/s.exec(changed)?.[0] ?? ''
  const canonical = inside
    .replace('<SignedInfo>', '<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#">')
    .replace(/<(\w+)([^>]*)\/>/g, '<$1$2></$1>')
  const value = createSign(hash)
    .update(canonical)
    .sign({ key: idp.key, ...more }, 'base64')
  return changed.replace(/(?<=<SignatureValue>)[^<]*/, value.replace(/.{76}/g, '$&&#13;\n'))
}

await t.test('each way of signing that is taken signs in, by whichever of the certificates', async (t) => {
  const { name } = await connect({ certificates: five })
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  const ways: [string, string, object?][] = [
    [`${more}rsa-sha256`, 'sha256'],
    [`${more}rsa-sha512`, 'sha512'],
    [
      'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
      'sha256',
      { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    ]
  ]
  for (const [algorithm, hash, how] of ways) {
    const begun = await begin(name)
    const xml = signAnew(answerFor(begun), algorithm, hash, how)
    t.equal((await answer(begun, xml)).status, 200, algorithm)
  }
})

/** About as much as is read at all. */
const bytes = 235_000
const filled = (text: string, to = bytes) => text.repeat(to / text.length)
const around = (open: string, levels: number, inside: string) => open.repeat(levels) + inside + '</a>'.repeat(levels)
const inAssertion = (signed: string, at: string, inside: string) =>
  signed.replace('<saml:Assertion ', `$&${at} `).replace('</saml:Assertion>', `${inside}$&`)
/** With a namespace of its own, and an attribute of that. */
const prefixed = '<pa:a xmlns:pa="p" pa:b=""/>'
const listing = (signed: string, lists: string) =>
  signed.replace(/(<Transform Algorithm="[^"]*exc-c14n#")\/>/, `$1><InclusiveNamespaces ${lists}</Transform>`)

/** Made of an answer that is signed, with its signature, as whoever once signed in has one; and how each is refused. */
const heavy: [what: string, refusedAs: string, forge: (signed: string) => string][] = [
  [
    'a long namespace, for each of many',
    'a namespace that is too long',
    (signed) =>
      inAssertion(signed, `xmlns:p="${filled('u', bytes - 30_000)}"`, around('<a>', 12, '<p:a/>'.repeat(1_300)))
  ],
  [
    'a long namespace, for all without a prefix',
    'a namespace that is too long',
    (signed) => {
      const many = `<p:a xmlns:p="p" xmlns="${filled('u', bytes - 30_000)}">${'<a/>'.repeat(1_300)}</p:a>`
      return inAssertion(signed, '', around('<a>', 12, many))
    }
  ],
  [
    'many levels around a long text',
    'elements too deep',
    (signed) => inAssertion(signed, '', around('<a>', 1_400, filled('x', bytes - 20_000)))
  ],
  [
    'a long list of prefixes',
    'too many prefixes',
    (signed) =>
      listing(inAssertion(signed, '', prefixed.repeat(1_400)), `PrefixList="${filled('pb ', bytes - 70_000)}"/>`)
  ],
  [
    'many lists of prefixes',
    'too many prefixes',
    (signed) => {
      const lists = `<InclusiveNamespaces PrefixList="${filled('pb ', 240)}"/>`.repeat(500)
      return listing(inAssertion(signed, '', prefixed.repeat(900)), `PrefixList="pb"/>${lists}`)
    }
  ]
]
const large = (signed: string) => inAssertion(signed, '', prefixed.repeat(1_400))

const sides = { entityId: 'http://127.0.0.1:9/metadata', acsUrl: 'http://127.0.0.1:9/acs' }
const unasked = { id: '_unasked', destination: '', relayState: '', xml: '' }
/** Verifies a forged answer to a request that nobody made. */
const verify = (forge: (signed: string) => string, by = idp) => {
  const said = usual(entityId, { ...unasked, acs: sides.acsUrl, issuer: sides.entityId })
  const signed = sign(responseOf(said, assertionOf(said)), by)
  return verifyResponse(encode(forge(signed)), settings, sides, said.inResponseTo)
}

await t.test('what would take long to verify is refused before it is, whoever signed it', async (t) => {
  for (const [what, message, forge] of heavy) await t.rejects(verify(forge), { message }, what)
  await t.resolves(
    verify((signed) => signed),
    'what nobody changed is taken'
  )
})

await t.test('who has no key makes us verify nothing, whatever the number of certificates', async (t) => {
  await t.rejects(verify(large, unknown), { message: 'signed with a key of which there is no certificate' })
  await t.rejects(verify(large), { message: /signature/i }, 'where the key is known, the document is looked at')
})

await t.test('what is too heavy is refused as anything else is, and nothing is stored', async (t) => {
  const { name } = await connect()
  const before = await stored()
  const begun = await begin(name)
  const refused = await post(begun, encode(inAssertion(answerFor(begun), '', around('<a>', 20, ''))))
  t.match(refused, { status: 400, body: /did not confirm who you are.*sign_in_failed/s })
  t.equal(await stored(), before)
})

/** In milliseconds of our own. Each takes some 20, and minutes where reading goes on after the first mistake. */
const costMax = 1_000

await t.test('a long text that is no answer costs little to refuse', async (t) => {
  const inTag = [' ', ' =', '="', '"', 'a ', 'xmlns', '&'].map((text) => `<a ${filled(text)}`)
  const inText = ['<a ', '<!--', '<![CDATA[', '<?xml ', '</a>', '&', '&a', '\r', '> '].map(
    (text) => `<a>${filled(text)}`
  )
  for (const text of [...inTag, ...inText]) {
    const what = JSON.stringify(text.slice(0, 12))
    const before = process.cpuUsage()
    await t.rejects(verifyResponse(encode(text), settings, sides, unasked.id), { message: /^(not |too many )/ }, what)
    const { user, system } = process.cpuUsage(before)
    t.ok((user + system) / 1_000 < costMax, what)
  }
})
