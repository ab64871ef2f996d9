import { createBrowser } from '@onbehalf/testkit'
import { assertionOf, responseOf, type Saying, sign, usual } from '@onbehalf/testkit/saml'
import t from 'tap'
import { encode, entityId, evil, startSaml } from './start.ts'

const { broker, idp, stranger, stored, connect, begin, post, goOn, answerFor, signInBy } = await startSaml(t)
const { publicUrl } = broker
const minute = 60_000

await t.test('an answer that is not the one to this request, for us, now, signs nobody in', async (t) => {
  const { name } = await connect()
  const before = await stored()
  const changesAt = (now: number): Record<string, Partial<Saying>> => ({
    'another audience': { audience: `${publicUrl}/auth/saml/globex/sso/metadata` },
    'another recipient': { recipient: `${publicUrl}/auth/saml/acme/other/acs` },
    'another destination': { destination: `${evil}/acs` },
    'an answer to another request': { inResponseTo: '_another', confirmedFor: '_another' },
    'a response to this, about an assertion to another': { confirmedFor: '_another' },
    'an assertion to this, in a response to another': { inResponseTo: '_another' },
    'an answer to nothing': { inResponseTo: '', confirmedFor: '' },
    'another issuer': { entityId: evil },
    'one that has ended': { notOnOrAfter: now - minute },
    'one that has not begun': { notBefore: now + 2 * minute },
    'an old one that would hold for a year': { issuedAt: now - 60 * minute, notOnOrAfter: now + 500_000 * minute },
    'one for whoever holds a key': { method: 'urn:oasis:names:tc:SAML:2.0:cm:holder-of-key' },
    nobody: { nameId: '' },
    'a name without end': { nameId: 'x'.repeat(300) }
  })
  for (const what of Object.keys(changesAt(0))) {
    const change = changesAt(Date.now())[what] ?? {}
    t.match(await signInBy(name, change), { status: 400, body: /sign_in_failed/ }, what)
  }
  t.match(await signInBy(name, {}, stranger), { status: 400 }, 'signed by somebody else, whose certificate is inside')
  t.equal(await stored(), before, 'nothing is stored')
  const now = Date.now()
  const skewed = { notOnOrAfter: now + 5 * minute, notBefore: now + 10_000 }
  t.equal((await signInBy(name, skewed)).status, 200, 'a little skew')
})

/** Every way in which a signed answer about ann is made to say something else. */
const wrappings: Record<string, (signed: string, forged: string, bare: string) => string> = {
  'not signed at all': (_signed, forged) => forged,
  'the signature taken out': (signed) => signed.replace(/<Signature.*<\/Signature>/s, ''),
  'the name changed': (signed) => signed.replace('ann@acme.test', 'olivia@acme.test'),
  'a second assertion before it': (signed, _forged, bare) =>
    signed.replace('<saml:Assertion', `${bare}<saml:Assertion`),
  'a second assertion after it': (signed, _forged, bare) =>
    signed.replace('</samlp:Response>', `${bare}</samlp:Response>`),
  'the signed one inside of a forged one': (signed, forged) =>
    forged.replace('</saml:Assertion>', `${assertionIn(signed)}</saml:Assertion>`),
  'the signed one inside of the signature of a forged one': (signed, forged) => {
    const whole = assertionIn(signed)
    const signature = signatureIn(signed).replace('</Signature>', `<Object>${whole}</Object></Signature>`)
    return forged.replace('</saml:Issuer><saml:Subject>', `</saml:Issuer>${signature}<saml:Subject>`)
  },
  'the signed one in the extensions, by the same id': (signed, forged) => {
    const extended = `<samlp:Extensions>${assertionIn(signed)}</samlp:Extensions><samlp:Status>`
    const id = /<saml:Assertion[^>]* ID="([^"]*)"/.exec(signed)?.[1] ?? ''
    return forged
      .replace('<samlp:Status>', extended)
      .replace(/(<\/samlp:Status><saml:Assertion[^>]* ID=")[^"]*"/, `$1${id}"`)
  },
  'the signature moved to the response': (signed, forged) =>
    forged.replace('<samlp:Status>', `${signatureIn(signed)}<samlp:Status>`),
  'two responses': (signed, forged) => forged.replace('</samlp:Response>', `${signed}</samlp:Response>`),
  'a document type': (signed) => `<!DOCTYPE r [<!ENTITY who "olivia">]>${signed}`,
  'an outer entity': (signed) =>
    `<!DOCTYPE r [<!ENTITY who SYSTEM "file:///etc/passwd">]>${signed.replace('ann@acme.test', '&who;')}`,
  'entities in entities': (signed) => {
    const levels = Array.from({ length: 9 }, (_, at) => `<!ENTITY e${at + 1} "${`&e${at};`.repeat(10)}">`)
    return `<!DOCTYPE r [<!ENTITY e0 "lol">${levels.join('')}]>${signed.replace('ann@acme.test', '&e9;')}`
  },
  'a processing instruction': (signed) => signed.replace('<samlp:Status>', '<?php x ?><samlp:Status>'),
  'not well-formed': (signed) => signed.replace('</samlp:Response>', ''),
  'not XML': () => 'SAMLResponse',
  'elements without end': () => '<a>'.repeat(30_000),
  '30,000 elements': (signed) => signed.replace('<samlp:Status>', `${'<a/>'.repeat(30_000)}$&`),
  'elements 5,000 deep': (signed) =>
    signed.replace('<samlp:Status>', `${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}$&`),
  'no text at all': () => '\u0000'
}
const assertionIn = (xml: string) => /<saml:Assertion.*<\/saml:Assertion>/s.exec(xml)?.[0] ?? ''
const signatureIn = (xml: string) => /<Signature.*<\/Signature>/s.exec(xml)?.[0] ?? ''

await t.test('a signed answer cannot be made to name somebody else', async (t) => {
  const { name } = await connect()
  const before = await stored()
  for (const [what, forge] of Object.entries(wrappings)) {
    const begun = await begin(name)
    const said = { ...usual(entityId, begun.request), nameId: 'olivia@acme.test' }
    const bare = assertionOf(said)
    const signed = answerFor(begun)
    const xml = forge(signed, responseOf(said, bare), bare)
    t.not(xml, signed)
    t.match(await post(begun, encode(xml)), { status: 400, body: /sign_in_failed/ }, what)
  }
  const begun = await begin(name)
  const weak = sign(responseOf(usual(entityId, begun.request), assertionOf(usual(entityId, begun.request))), {
    ...idp,
    hash: 'sha1'
  })
  t.match(await post(begun, encode(weak)), { status: 400 }, 'signed with SHA-1')
  const aroundOnly = await begin(name)
  const said = usual(entityId, aroundOnly.request)
  const outside = sign(responseOf(said, assertionOf(said)), { ...idp, what: 'Response' })
  t.match(await post(aroundOnly, encode(outside)), { status: 400 }, 'where only the response is signed')
  t.match(await post(await begin(name), 'x'.repeat(350_000)), { status: 400 }, 'too much')
  // Over a connection, whoever still sends when it is closed need not hear why.
  const farTooMuch = await broker.app.inject({
    method: 'POST',
    url: new URL((await begin(name)).request.acs).pathname,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `SAMLResponse=${'x'.repeat(500_000)}`
  })
  t.equal(farTooMuch.statusCode, 413, 'far too much')
  t.equal(await stored(), before, 'nothing is stored')
})

await t.test('an answer works once, where it belongs, and in the browser that began', async (t) => {
  const [{ name }, { name: another }] = [await connect(), await connect()]
  const before = await stored()
  const begun = await begin(name)
  const answer = encode(answerFor(begun))
  t.match(await post(begun, answer, { RelayState: '' }), { status: 400 }, 'unasked, as an IdP may begin by itself')
  t.match(await post(begun, answer, { RelayState: 'made-up' }), { status: 400 }, 'with a state nobody gave')
  const elsewhere = await begin(name)
  const acs = `${publicUrl}/auth/saml/acme/${another}/acs`
  const misplaced = await post(elsewhere, encode(answerFor(elsewhere)), { acs })
  t.match(misplaced, { status: 400, body: /another identity provider/ }, 'at the address of another connection')
  const [mine, theirs] = [await begin(name), await begin(name)]
  t.match(await post(mine, encode(answerFor(theirs))), { status: 400 }, "with another sign-in's state")

  const posted = await post(begun, answer)
  t.equal(posted.status, 303)
  t.match(await post(begun, answer), { status: 400 }, 'posted again')
  const stolen = await goOn(createBrowser(), posted)
  t.match([stolen.status, stolen.body], [400, /another browser/], 'in another browser')
  t.match((await goOn(theirs.browser, posted)).status, 400, 'in one with a sign-in of its own')
  t.equal(await stored(), before, 'nothing is stored until then')
  t.equal((await goOn(begun.browser, posted)).status, 200, 'and the one that began is not disturbed')
  t.equal((await goOn(begun.browser, posted)).status, 400, 'once')

  const id = '_the-same-assertion'
  t.equal((await signInBy(name, { id })).status, 200)
  t.match(await signInBy(name, { id }), { status: 400, body: /used already/ }, 'an assertion made new by its IdP')
  t.equal((await signInBy(another, { id })).status, 200, 'ids are those of one IdP')
})
