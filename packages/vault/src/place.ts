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

const encodeValue = (field: string, value: string | number | undefined): string => {
  if (typeof value === 'string') return `s${sized(value)}`
  if (Number.isSafeInteger(value)) return `n${sized(String(value))}`
  throw new TypeError(`The place's field ${field} is neither a string nor a safe integer.`)
}

type Field = { name: string; encoded: string }

/** The fields of each kind of place; there are as many kinds as there are places in the code that seal. */
const kinds = new Map<string, readonly Field[]>()

/** By name, each as it is encoded. */
const fieldsOf = (place: Place): readonly Field[] => {
  const names = Object.keys(place)
  const kind = names.join('\n')
  const known = kinds.get(kind)
  if (known) return known
  const fields = names.toSorted().map((name) => ({ name, encoded: sized(name) }))
  if (kinds.size < kindsMax) kinds.set(kind, fields)
  return fields
}

const kindsMax = 1_000

/** The place as bytes: fields by name, each part with its length and type before it, so no two places are alike. */
export const encodePlace = (place: Place): Buffer => {
  let text = ''
  for (const { name, encoded } of fieldsOf(place)) text += encoded + encodeValue(name, place[name])
  return Buffer.from(text)
}
