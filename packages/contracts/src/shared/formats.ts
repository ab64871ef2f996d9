import { FormatRegistry } from '@sinclair/typebox'

/** TypeBox refuses every value of a format it does not know; these are the ones our schemas use. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
const email = /^[^\s@]{1,64}@[^\s@]{1,255}$/
const dateTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

FormatRegistry.Set('uuid', (value) => uuid.test(value))
FormatRegistry.Set('email', (value) => email.test(value))
FormatRegistry.Set('uri', (value) => URL.canParse(value))
FormatRegistry.Set('date-time', (value) => dateTime.test(value) && !Number.isNaN(Date.parse(value)))
