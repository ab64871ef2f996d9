// Control and format characters (escape sequences, marks that turn the direction of text) and line separators.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const unprintableInText = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** Text of a server as one line that a terminal only shows. */
export const cleanLine = (text: unknown, max = 500): string =>
  String(text ?? '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(unprintable, '')
    .trim()
    .slice(0, max)

/** The same with its lines and tabs. */
export const cleanText = (text: string): string => text.replaceAll(unprintableInText, '')

/** JSON in which what a terminal would obey is escaped: the value is the same. */
export const cleanJson = (value: unknown): string =>
  (JSON.stringify(value, null, 2) ?? 'null').replaceAll(unprintableInText, (unit) =>
    [...unit].map((one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join('')
  )
