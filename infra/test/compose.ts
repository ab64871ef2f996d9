import { readFileSync } from 'node:fs'
import { faultOf, matches } from '@onbehalf/rpc'
import { inRepository } from '@onbehalf/testkit'
import { type Static, Type } from '@sinclair/typebox'
import { parse } from 'yaml'

const Text = Type.Union([Type.String(), Type.Number()])

const Container = Type.Object({
  image: Type.String(),
  user: Type.Optional(Type.String()),
  privileged: Type.Optional(Type.Boolean()),
  restart: Type.String(),
  read_only: Type.Optional(Type.Boolean()),
  cap_drop: Type.Optional(Type.Array(Type.String())),
  cap_add: Type.Optional(Type.Array(Type.String())),
  security_opt: Type.Optional(Type.Array(Type.String())),
  command: Type.Optional(Type.Array(Text)),
  env_file: Type.Optional(Type.Array(Type.Object({ path: Type.String(), required: Type.Boolean() }))),
  environment: Type.Optional(Type.Record(Type.String(), Text)),
  ports: Type.Optional(Type.Array(Text)),
  volumes: Type.Optional(Type.Array(Type.String())),
  networks: Type.Unknown(),
  healthcheck: Type.Optional(Type.Object({ test: Type.Optional(Type.Unknown()) }))
})
export type Container = Static<typeof Container>

const Compose = Type.Object({
  services: Type.Record(Type.String(), Container),
  networks: Type.Record(Type.String(), Type.Object({ internal: Type.Optional(Type.Boolean()) }))
})
export type Compose = Static<typeof Compose>

const composeFile = inRepository('docker-compose.yml')
const variable = /\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g

/** docker-compose.yml as compose reads it with this .env; throws where a variable must be given and is not. */
export const readCompose = (env: Readonly<Record<string, string>>): Compose => {
  const filled = (text: string) =>
    text.replaceAll(variable, (_whole, name: string, kind?: string, word?: string) => {
      const value = env[name] || (kind === '?' ? undefined : (word ?? ''))
      if (value === undefined) throw new Error(`docker-compose.yml needs ${name}: ${word}`)
      return value
    })
  const reviver = (_key: unknown, value: unknown) => (typeof value === 'string' ? filled(value) : value)
  const compose: unknown = parse(readFileSync(composeFile, 'utf8'), reviver, { merge: true })
  const fault = faultOf(Compose, compose)
  if (matches(Compose, compose)) return compose
  throw new Error(`docker-compose.yml has not the form these tests know: ${fault?.path} ${fault?.message}`)
}

export const networksOf = ({ networks }: Container): string[] =>
  Array.isArray(networks) ? networks.map(String) : Object.keys(Object(networks))

/** A container that stays, unlike one that does its work and ends. */
export const stays = ({ restart }: Container): boolean => restart !== 'no'

export const readEnvironmentFile = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  )
