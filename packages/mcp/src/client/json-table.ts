/** Where a reader is in a JSON text (RFC 8259 §2), as far as the next byte is concerned. */
export const states = {
  ...{ wrong: 0, start: 1, value: 2, firstItem: 3, firstName: 4, name: 5, colon: 6, after: 7, end: 8 },
  ...{ string: 9, escape: 10, hex1: 11, hex2: 12, hex3: 13, hex4: 14 },
  ...{ minus: 15, zero: 16, digits: 17, point: 18, fraction: 19, exponent: 20, sign: 21, power: 22 },
  ...{ t: 23, tr: 24, f: 25, fa: 26, fal: 27, n: 28, nu: 29, lastE: 30, lastL: 31 }
} as const

/** What has to be done at a byte before the reader is anywhere else. */
export const deeds = {
  ...{ beginString: 32, endString: 33, beginScalar: 34, endNumber: 35, endWord: 36 },
  ...{ open: 37, close: 38, comma: 39 }
} as const

/** The first of them that is no state. */
export const firstDeed: number = deeds.beginString

const bytesMax = 256
const blanks = ' \t\n\r'
const oneToNine = '123456789'
const tenDigits = `0${oneToNine}`
const hexDigits = `${tenDigits}abcdefABCDEF`
const { end, after, string, hex1, hex2, hex3, hex4, digits, fraction, exponent, sign, power } = states

/** How a value begins: a scalar's first byte says in which state it goes on. */
export const scalars = new Map([
  ['-', states.minus],
  ['0', states.zero],
  ...[...oneToNine].map((digit) => [digit, digits] as const),
  ['t', states.t],
  ['f', states.f],
  ['n', states.n]
])

const valueRules = (from: number): Rule[] => [
  [from, blanks, from],
  [from, '"', deeds.beginString],
  [from, '{[', deeds.open],
  [from, [...scalars.keys()].join(''), deeds.beginScalar]
]
// What ends a number is looked at again.
const numberRules = (from: number, more: Rule[]): Rule[] => [[from, `${blanks},]}`, deeds.endNumber], ...more]

type Rule = [from: number, bytes: string, to: number]

const rules: Rule[] = [
  [states.start, blanks, states.start],
  [states.start, '{', deeds.open],
  ...valueRules(states.value),
  ...valueRules(states.firstItem),
  [states.firstItem, ']', deeds.close],
  [states.firstName, blanks, states.firstName],
  [states.firstName, '}', deeds.close],
  [states.firstName, '"', deeds.beginString],
  [states.name, blanks, states.name],
  [states.name, '"', deeds.beginString],
  [states.colon, blanks, states.colon],
  [states.colon, ':', states.value],
  [after, blanks, after],
  [after, ',', deeds.comma],
  [after, '}]', deeds.close],
  [end, blanks, end],
  [string, '"', deeds.endString],
  [string, '\\', states.escape],
  [states.escape, '"\\/bfnrt', string],
  [states.escape, 'u', hex1],
  [hex1, hexDigits, hex2],
  [hex2, hexDigits, hex3],
  [hex3, hexDigits, hex4],
  [hex4, hexDigits, string],
  [states.minus, '0', states.zero],
  [states.minus, oneToNine, digits],
  ...numberRules(states.zero, [
    [states.zero, '.', states.point],
    [states.zero, 'eE', exponent]
  ]),
  ...numberRules(digits, [
    [digits, tenDigits, digits],
    [digits, '.', states.point],
    [digits, 'eE', exponent]
  ]),
  [states.point, tenDigits, fraction],
  ...numberRules(fraction, [
    [fraction, tenDigits, fraction],
    [fraction, 'eE', exponent]
  ]),
  [exponent, '+-', sign],
  [exponent, tenDigits, power],
  [sign, tenDigits, power],
  ...numberRules(power, [[power, tenDigits, power]]),
  [states.t, 'r', states.tr],
  [states.tr, 'u', states.lastE],
  [states.f, 'a', states.fa],
  [states.fa, 'l', states.fal],
  [states.fal, 's', states.lastE],
  [states.n, 'u', states.nu],
  [states.nu, 'l', states.lastL],
  [states.lastE, 'e', deeds.endWord],
  [states.lastL, 'l', deeds.endWord]
]

/** For each state and byte (`state * 256 + byte`) the next state, or a deed; 0 where it is no JSON. */
export const table: Readonly<Uint8Array> = (() => {
  const all = new Uint8Array(firstDeed * bytesMax)
  // In a string anything goes but a control character (§7); the rules say what else is not plain.
  all.fill(string, string * bytesMax + 0x20, (string + 1) * bytesMax)
  for (const [from, bytes, to] of rules) for (const byte of Buffer.from(bytes)) all[from * bytesMax + byte] = to
  return all
})()
