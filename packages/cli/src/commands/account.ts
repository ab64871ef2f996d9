import { createClient } from '@onbehalf/client'
import {
  addAccount,
  findAccount,
  forgetAccount,
  keepPending,
  type Pending,
  readAccounts
} from '../accounts/accounts.ts'
import { directoryOf } from '../accounts/directory.ts'
import type { Io } from '../io.ts'
import { Problem } from '../problem.ts'
import { serverOrigin } from '../server/address.ts'
import { transportTo } from '../server/transport.ts'
import { type Begun, beginSignIn } from '../sign-in/begin.ts'
import { openBrowser } from '../sign-in/open-browser.ts'
import { type Granted, pollUntilDecided } from '../sign-in/poll.ts'
import { cleanLine } from '../terminal/clean.ts'
import { whileWaiting } from '../terminal/spinner.ts'
import { type Command, chosenOf, type Given, isOn, namedServer, printResult, signedIn } from './command.ts'

export const login: Command = {
  name: 'login',
  takes: '',
  summary: 'Sign in: prints a link and a code, and waits until you approved in a browser',
  examples: [
    'onbehalf login --server https://onbehalf.example.com',
    'onbehalf login --no-wait && onbehalf login --resume'
  ],
  options: {
    'no-browser': { type: 'boolean', help: 'Print the link and open nothing.' },
    'no-wait': { type: 'boolean', help: 'Begin, and leave; --resume goes on.' },
    resume: { type: 'boolean', help: 'Go on with what --no-wait began.' }
  },
  run: async (io, given) => {
    const pending = isOn(given, 'resume') ? begunBefore(io) : await begin(io, given)
    if (pending) await finish(io, given, pending)
  }
}

const begunBefore = (io: Io): Pending => {
  const { pending } = readAccounts(io)
  if (pending) return pending
  throw new Problem('usage', 'No sign-in was begun. Begin one: onbehalf login --no-wait --server URL')
}

const begin = async (io: Io, given: Given): Promise<Pending | undefined> => {
  const server = namedServer(io, given) ?? readAccounts(io).accounts[0]?.server
  if (server === undefined) throw new Problem('usage', 'Say where: onbehalf login --server URL')
  const client = createClient(transportTo({ server, signal: io.signal }))
  const begun = await beginSignIn(client, server, isOn(given, 'insecure'), Date.now())
  tellHow(io, begun, server)
  if (isOn(given, 'no-wait')) {
    keepPending(io, begun.pending)
    const { link: verification_uri, user_code } = begun
    printResult(
      io,
      given,
      { verification_uri, user_code, expires_at: new Date(begun.pending.ends_at).toISOString() },
      []
    )
    io.tell('Then: onbehalf login --resume')
    return undefined
  }
  if (!isOn(given, 'no-browser')) openBrowser(io, begun.linkWithCode)
  return begun.pending
}

const tellHow = (io: Io, { link, user_code }: Begun, server: string): void => {
  io.tell(`Open ${link}`)
  io.tell(`and enter the code ${user_code}`)
  if (new URL(link).origin !== server) io.tell(`That is at another address than ${server}: is it one you know?`)
}

const finish = async (io: Io, given: Given, pending: Pending): Promise<void> => {
  const server = serverOrigin(pending.server, isOn(given, 'insecure'))
  const client = createClient(transportTo({ server, signal: io.signal }))
  const granted = await whileWaiting(io, 'Waiting for your approval', () =>
    pollUntilDecided(client, pending, io.signal)
  )
  if (!/^dfo[ae]_[A-Za-z0-9_-]{43}$/.test(granted.access_token))
    throw new Problem('unreachable', 'The server sent something that is no token of its.')
  const kept = { server, name: nameOf(granted), expires_at: cleanLine(granted.expires_at) }
  const account = await addAccount(io, kept, granted.access_token)
  if (account.place === 'file')
    io.tell(`There is no keychain here: the token is in ${directoryOf(io)}/tokens.json, readable by you alone.`)
  printResult(io, given, { server, account: account.name, expires_at: account.expires_at, kept_in: account.place }, [
    `Signed in at ${server} as ${account.name}`
  ])
}

/** An external user has no account here, and an e-mail of their IdP. */
const nameOf = (granted: Granted): string => {
  const {
    account,
    token_id,
    subject_email
  }: { account?: { email: string | null; id: string } | null; token_id: string; subject_email?: string | null } =
    granted
  return cleanLine(account?.email ?? subject_email ?? account?.id ?? token_id, 255)
}

export const logout: Command = {
  name: 'logout',
  takes: '',
  summary: 'Revoke the token and forget it',
  examples: ['onbehalf logout', 'onbehalf logout --account ann@acme.test'],
  run: async (io, given) => {
    const account = findAccount(io, chosenOf(io, given))
    if (!account) throw new Problem('signIn', 'You are not signed in there.')
    const { api } = await signedIn(io, {
      ...given,
      options: { ...given.options, server: account.server, account: account.name }
    })
    const answer = await api.ask('DELETE /openapi/v1/account/sessions/self', {}).catch((error: unknown) => {
      if (error instanceof Problem) return undefined
      throw error
    })
    await forgetAccount(io, account)
    const isRevoked = answer?.status === 200 || answer?.status === 401
    if (!isRevoked) io.tell(`${account.server} could not be told: the token there ends ${account.expires_at}.`)
    printResult(io, given, { server: account.server, account: account.name, is_revoked: isRevoked }, [
      `Signed out of ${account.server} as ${account.name}`
    ])
  }
}

export const whoami: Command = {
  name: 'whoami',
  takes: '',
  summary: 'Who you are at the server, and where',
  examples: ['onbehalf whoami', 'onbehalf whoami --output json'],
  run: async (io, given) => {
    const { server, api, refusal } = await signedIn(io, given)
    const answer = await api.ask('GET /openapi/v1/account', {})
    if (answer.status !== 200) throw refusal(answer)
    const { account, workspaces, subject_email, subject_issuer, expires_at } = answer.body
    printResult(io, given, { server, ...answer.body }, [
      `${cleanLine(account?.email ?? subject_email ?? account?.id)}${account?.name ? ` (${cleanLine(account.name)})` : ''} at ${server}`,
      ...workspaces.map(({ name, role }) => `${cleanLine(role)} of ${cleanLine(name)}`),
      ...(account ? [] : [`signed in by ${cleanLine(subject_issuer)}`]),
      `until ${cleanLine(expires_at)}`
    ])
  }
}

export const status: Command = {
  name: 'status',
  takes: '',
  summary: 'The servers and accounts that are known here; the first is used',
  examples: ['onbehalf status'],
  run: async (io, given) => {
    const { accounts, pending } = readAccounts(io)
    const shown = accounts.map((account) => ({ ...account, is_over: Date.parse(account.expires_at) < Date.now() }))
    const lines = shown.map(({ server, name, expires_at, place, is_over }) =>
      [name, server, is_over ? 'over: sign in again' : `until ${expires_at}`, `in the ${place}`]
        .map((one) => cleanLine(one))
        .join('\t')
    )
    if (io.env.ONBEHALF_TOKEN) io.tell('ONBEHALF_TOKEN is set, and used in the place of these.')
    if (pending) io.tell(`A sign-in at ${pending.server} waits: onbehalf login --resume`)
    if (lines.length === 0) io.tell('Nobody is signed in. Sign in: onbehalf login --server URL')
    printResult(io, given, { accounts: shown }, lines)
  }
}
