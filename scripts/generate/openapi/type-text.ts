import type { Schema } from './describe-service.ts'

/** A schema as a TypeScript type. */
export const typeText = (schema: Schema): string => {
  const { $ref, const: only, enum: words, anyOf, oneOf, allOf, type } = schema
  if (typeof $ref === 'string') return nameOf($ref)
  if (only !== undefined) return JSON.stringify(only)
  if (Array.isArray(words)) return union(words.map((word) => JSON.stringify(word)))
  if (Array.isArray(anyOf)) return union(anyOf.map(typeText))
  if (Array.isArray(oneOf)) return union(oneOf.map(typeText))
  if (Array.isArray(allOf)) return allOf.map(typeText).join(' & ')
  if (Array.isArray(type)) return union(type.map((one) => typeText({ ...schema, type: one })))
  if (type === 'object' || schema.properties) return objectText(schema)
  if (type === 'array') return `readonly (${isSchema(schema.items) ? typeText(schema.items) : 'unknown'})[]`
  return plain[String(type)] ?? 'unknown'
}

export const nameOf = ($ref: string): string => `${$ref.slice($ref.lastIndexOf('/') + 1)}Body`

const plain: Readonly<Record<string, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null'
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null

const union = (types: string[]): string => [...new Set(types)].join(' | ')

const objectText = ({ properties, required, additionalProperties }: Schema): string => {
  const known = isSchema(properties) ? Object.entries(properties) : []
  const needed: unknown[] = Array.isArray(required) ? required : []
  const fields = known.map(([name, field]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name)
    return `${key}${needed.includes(name) ? '' : '?'}: ${isSchema(field) ? typeText(field) : 'unknown'}`
  })
  if (fields.length > 0) return `{ ${fields.join('; ')} }`
  return `{ [name: string]: ${isSchema(additionalProperties) ? typeText(additionalProperties) : 'unknown'} }`
}
