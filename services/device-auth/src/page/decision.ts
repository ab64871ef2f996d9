import { Type } from '@sinclair/typebox'

/** What the two buttons say, and the pages that follow are called. */
export const Decision = Type.Union([Type.Literal('approved'), Type.Literal('denied')])
