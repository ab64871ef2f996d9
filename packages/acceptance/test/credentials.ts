import { generateKeyPairSync, sign } from 'node:crypto'
import { type Caller, signInDevice, textAt } from '@onbehalf/acceptance'
import { type Platform, recordSecrets } from '@onbehalf/testkit'
import type { Credential } from './routes.ts'

const sessionCookieOf = ({ browser }: Caller, publicUrl: string): { name: string; value: string } => {
  const [name, value] = Object.entries(browser.cookies.all(new URL(publicUrl)))[0] ?? []
  if (name && value) return { name, value }
  throw new Error('nobody is signed in in this browser')
}

/** What somebody signed in can show: the cookie of their session with what goes along, what renews it, a device token. */
export const credentialsOf = async (platform: Platform, person: Caller): Promise<Record<string, Credential>> => {
  const cookie = sessionCookieOf(person, platform.publicUrl)
  const csrf = textAt((await person.send('GET', '/auth/me')).body, 'csrf')
  const token = await signInDevice(platform, person, 'another terminal')
  const renewal = person.browser.cookies.all(new URL('/auth', platform.publicUrl)).onbehalf_renewal ?? ''
  recordSecrets([cookie.value, token, renewal])
  return {
    renewal: { cookie: `onbehalf_renewal=${renewal}`, origin: platform.publicUrl },
    session: { cookie: `${cookie.name}=${cookie.value}`, 'x-csrf-token': csrf },
    bearer: { authorization: `Bearer ${token}` }
  }
}

/** Credentials of the right form that nobody gave out; the cookies say what this person's says. */
export const forgeriesOf = (platform: Platform, person: Caller): Record<string, Credential> => {
  const { name, value } = sessionCookieOf(person, platform.publicUrl)
  const [, claims = ''] = value.split('.')
  const unsigned = `${encode({ alg: 'none', typ: 'onbehalf-session+jwt' })}.${claims}.`
  return {
    'an unknown device token': { authorization: `Bearer dfoa_${'A'.repeat(43)}` },
    'an unknown API key': { authorization: `Bearer obk_${'A'.repeat(43)}` },
    'a cookie signed by somebody else': { cookie: `${name}=${signAgain(value)}` },
    'a cookie signed by nobody': { cookie: `${name}=${unsigned}` },
    'an unknown secret': { 'enterprise-api-secret-key': 'A'.repeat(43) }
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The same statement under the same key's name, but by another key. */
const signAgain = (jwt: string): string => {
  const signed = jwt.slice(0, jwt.lastIndexOf('.'))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}
