import { mask } from '@onbehalf/vault'

/** A URL as administrators see it: in full, but for the values of its query. */
export const maskQuery = (url: string): string => {
  const start = url.indexOf('?') + 1
  if (start === 0) return url
  const pairs = url.slice(start).split('&').map(maskPair)
  return `${url.slice(0, start)}${pairs.join('&')}`
}

const maskPair = (pair: string): string => {
  const start = pair.indexOf('=') + 1
  return `${pair.slice(0, start)}${mask(pair.slice(start))}`
}

/** A URL as other members see it: where the server is, and nothing of what may be a secret in its path or query. */
export const maskPath = (url: string): string => {
  const [, origin = '', rest = ''] = /^(https?:\/\/[^/?#]+)(.*)$/i.exec(url) ?? []
  return rest === '' || rest === '/' ? url : `${origin}/******`
}
