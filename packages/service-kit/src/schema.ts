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
