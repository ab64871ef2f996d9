import { createPublicKey } from 'node:crypto'
import { ReportedError } from '@onbehalf/errors'
import type { LinkKey } from '../database.ts'
import type { AppChange } from './shapes.ts'

/** Throws `invalid_request`, naming the entry, for a return URL or a link key that may not be stored. */
export const checkApp = ({ return_urls = [], link_keys = [] }: AppChange): void => {
  return_urls.forEach((url, index) => {
    if (!isReturnUrl(url))
      throw invalid(
        `return_urls.${index}`,
        'must be an https URL in its normal form, without fragment; http on loopback only'
      )
  })
  link_keys.forEach((key, index) => {
    if (!isPublicKey(key))
      throw invalid(`link_keys.${index}`, 'must be a public key: EC P-256 (ES256) or OKP Ed25519 (EdDSA)')
    if (link_keys.findIndex(({ kid }) => kid === key.kid) < index)
      throw invalid(`link_keys.${index}.kid`, 'is the kid of another key, too')
  })
}

const loopback = /^http:\/\/(127(\.\d+){3}|localhost|\[::1\])(:\d+)?\//

/** Compared byte by byte later, so one spelling is taken. */
const isReturnUrl = (text: string): boolean => {
  if (!URL.canParse(text) || text.includes('#')) return false
  const { href, protocol, username, password } = new URL(text)
  return href === text && !username && !password && (protocol === 'https:' || loopback.test(text))
}

const isPublicKey = ({ kid: _, ...key }: LinkKey): boolean => {
  const isPair = key.kty === 'EC' ? key.crv === 'P-256' && key.y : key.crv === 'Ed25519' && !key.y
  if (!isPair) return false
  try {
    return createPublicKey({ key, format: 'jwk' }).type === 'public'
  } catch {
    return false
  }
}

export const invalid = (path: string, message: string) =>
  new ReportedError('invalid_request', `${path} ${message}.`, { details: [{ path, message }] })
