/**
 * Where a sealed value rests. It opens there only, so whoever can write to the table still cannot move a secret to
 * another tenant, row or column. Extra fields bind it to more, such as a grant's connection and generation.
 */
export type Place = {
  tenant_id: string
  table: string
  column: string
  row: string | number
  [field: string]: string | number
}

const sized = (text: string): string => {
  if (!text.isWellFormed()) throw new TypeError('A place holds ill-formed Unicode.')
  return `${Buffer.byteLength(text)}:${text}`
}

const encodeValue = (field: string, value: string | number): string => {
  if (typeof value === 'string') return `s${sized(value)}`
  if (Number.isSafeInteger(value)) return `n${sized(String(value))}`
  throw new TypeError(`The place's field ${field} is neither a string nor a safe integer.`)
}

/** The place as bytes: fields by name, each part with its length and type before it, so no two places are alike. */
export const encodePlace = (place: Place): Buffer =>
  Buffer.from(
    Object.entries(place)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([field, value]) => sized(field) + encodeValue(field, value))
      .join('')
  )
