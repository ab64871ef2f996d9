import { type Client, createClient } from '@onbehalf/client'
import { type Chosen, credentialOf } from '../accounts/accounts.ts'
import type { Io } from '../io.ts'
import { Problem } from '../problem.ts'
import { serverOrigin } from '../server/address.ts'
import { refusalOf } from '../server/refusal.ts'
import { transportTo } from '../server/transport.ts'
import { cleanJson, cleanText } from '../terminal/clean.ts'

export type OptionValue = string | boolean | (string | boolean)[] | undefined
export type Given = { positionals: string[]; options: Readonly<Record<string, OptionValue>> }

export type Command = {
  /** As it is typed: one word or two. */
  name: string
  /** What follows the name. */
  takes: string
  summary: string
  examples: readonly string[]
  options?: Readonly<Record<string, { type: 'string' | 'boolean'; multiple?: boolean; help: string }>>
  run: (io: Io, given: Given) => Promise<void>
}

export const textOption = ({ options }: Given, name: string): string | undefined => {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}
export const isOn = ({ options }: Given, name: string): boolean => options[name] === true

/** The positional argument that has to be there. */
export const needed = ({ positionals }: Given, index: number, what: string): string => {
  const value = positionals[index]
  if (value !== undefined && value !== '') return value
  throw new Problem('usage', `Say ${what}.`)
}

/** Which server was named, by --server or ONBEHALF_SERVER. */
export const namedServer = (io: Io, given: Given): string | undefined => {
  const server = textOption(given, 'server') ?? io.env.ONBEHALF_SERVER
  return server === undefined || server === '' ? undefined : serverOrigin(server, isOn(given, 'insecure'))
}

export const chosenOf = (io: Io, given: Given): Chosen => ({
  server: namedServer(io, given),
  account: textOption(given, 'account') ?? (io.env.ONBEHALF_ACCOUNT || undefined)
})

export type SignedIn = {
  server: string
  token: string
  api: Client
  refusal: (answer: { status: number; body: unknown }) => Problem
}

/** The API as whoever is signed in. */
export const signedIn = async (io: Io, given: Given): Promise<SignedIn> => {
  const { server, token } = await credentialOf(io, chosenOf(io, given))
  // What was kept, or came with a token of the environment, is looked at again.
  serverOrigin(server, isOn(given, 'insecure'))
  const api = createClient(transportTo({ server, token, signal: io.signal }))
  return { server, token, api, refusal: (answer) => refusalOf(answer, server, isOn(given, 'insecure')) }
}

/** Prints a result: as JSON where that was asked for, otherwise as `lines`. */
export const printResult = (io: Io, given: Given, value: unknown, lines: readonly string[]): void => {
  if (textOption(given, 'output') === 'json') io.print(`${cleanJson(value)}\n`)
  else for (const line of lines) io.print(`${cleanText(line)}\n`)
}
