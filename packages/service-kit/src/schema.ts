import { type Static, type TSchema, Type } from '@sinclair/typebox'

/** One of some words; Ajv then says so in one line, where a union of literals gives one line per word. */
export const wordOf = <const Word extends string>(...words: Word[]) =>
  Type.Unsafe<Word>({ type: 'string', enum: words })

/** `schema`, or null where a caller takes a value back. */
export const orNull = <Schema extends TSchema>(schema: Schema) =>
  Type.Unsafe<Static<Schema> | null>({
    ...schema,
    type: [schema.type, 'null'],
    ...(Array.isArray(schema.enum) ? { enum: [...schema.enum, null] } : {})
  })

/** A time that somebody asks for: RFC 3339, of the years and offsets that Postgres knows. */
export const AskedTime = Type.String({ format: 'date-time', pattern: '^(?!0000).*([Zz]|[+-](0\\d|1[0-5]):\\d\\d)$' })

/** A text that somebody looks for: no control characters, of which Postgres refuses one. */
export const askedText = (maxLength: number) =>
  Type.String({ minLength: 1, maxLength, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })
