const patterns: readonly [RegExp, string][] = [
  [/\b(dfoa|dfoe|obk|obi)_[A-Za-z0-9_-]{8,}/g, '$1_[redacted]'],
  [/\beyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)*/g, '[redacted jwt]'],
  [/\b((?:set-)?cookie["']?\s*[:=]\s*["']?)[^"'\r\n]+/gi, '$1[redacted]'],
  [/\b(Bearer|Basic|DPoP)\s+[A-Za-z0-9._~+/=-]{6,}/gi, '$1 [redacted]'],
  [
    /\b(access_token|refresh_token|id_token|client_secret|device_code|user_code|code|code_verifier|assertion|password|state)(["']?\s*[=:]\s*["']?)[^\s"'&,}]+/gi,
    '$1$2[redacted]'
  ],
  [/\b(\w+:\/\/[^\s:@/]*):[^\s@/]+@/g, '$1:[redacted]@']
]

const lengthMax = 8 * 1024

/**
 * `text` without anything that has the form of a credential. It may be of anybody: what is very long is cut, before a word, since
 * half a credential does not have its form.
 */
export const redact = (text: string): string =>
  patterns.reduce((cleaned, [pattern, replacement]) => cleaned.replace(pattern, replacement), shortened(text))

const shortened = (text: string): string => {
  if (text.length <= lengthMax) return text
  let end = lengthMax
  while (end > 0 && !/\s/.test(text.charAt(end - 1))) end -= 1
  return `${text.slice(0, end)}[and more]`
}
