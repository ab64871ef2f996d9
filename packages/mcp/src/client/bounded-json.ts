import { malformed } from './errors.ts'
import { endOfString } from './member-text.ts'

/** Texts that are shorter have neither values nor levels to be worth counting: of 4,000 levels nothing can be written again. */
const lengthMin = 4 * 1024
/** Values, and names of members beside them: it takes up to a quarter of a second to read so many, and 100 MB. */
const valuesMax = 1_000_000
const depthMax = 512

/** What a JSON text of a server means. Throws where it is none, or so many values or levels that they would take long to read. */
export const parseJson = (text: string): unknown => {
  if (text.length > lengthMin) requireFewValues(text)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed('it is not valid JSON', cause)
  }
}

const [quote, comma, colon] = [0x22, 0x2c, 0x3a]
// Both kinds of brackets end in the same bits: `[` and `{`, `]` and `}`.
const [opens, closes, kind] = [0x5b, 0x5d, 0x20]

const requireFewValues = (text: string): void => {
  let [values, depth] = [1, 0]
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    else if (code === comma || code === colon) values += 1
    else if ((code & ~kind) === opens) {
      values += 1
      depth += 1
      if (depth > depthMax) throw malformed('it is nested too deep')
    } else if ((code & ~kind) === closes) depth -= 1
    if (values > valuesMax) throw malformed('it holds too many values')
  }
}
