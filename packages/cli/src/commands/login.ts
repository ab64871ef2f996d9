import { createClient } from '@onbehalf/client'
import { addAccount, keepPending, nameIn, type Pending, readAccounts } from '../accounts/accounts.ts'
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
import { type Command, type Given, isOn, namedServer, printResult } from './command.ts'

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
    const isLate = isOn(given, 'resume')
    const pending = isLate ? begunBefore(io) : await begin(io, given)
    if (pending) await finish(io, given, pending, isLate)
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

const finish = async (io: Io, given: Given, pending: Pending, isLate: boolean): Promise<void> => {
  const server = serverOrigin(pending.server, isOn(given, 'insecure'))
  const client = createClient(transportTo({ server, signal: io.signal }))
  const granted = await whileWaiting(io, 'Waiting for your approval', () =>
    pollUntilDecided(client, pending, { signal: io.signal, isLate })
  )
  if (!/^dfo[ae]_[A-Za-z0-9_-]{43}$/.test(granted.access_token))
    throw new Problem('unreachable', 'The server sent something that is no token of its.')
  const account = await addAccount(io, accountOf(io, server, granted), granted.access_token)
  if (account.place === 'file')
    io.tell(`There is no keychain here: the token is in ${directoryOf(io)}/tokens.json, readable by you alone.`)
  printResult(io, given, { server, account: account.name, expires_at: account.expires_at, kept_in: account.place }, [
    `Signed in at ${server} as ${account.name}`
  ])
}

const accountOf = (io: Io, server: string, granted: Granted) => {
  const { workspaces = [], default_workspace_id, expires_at }: Pick<Granted, 'expires_at'> & Partial<Granted> = granted
  const found = workspaces.find(({ id }) => id === default_workspace_id)
  const workspace = found && { id: found.id, name: cleanLine(found.name, 100) }
  const name = nameIn(io, { server, name: nameOf(granted) }, workspace)
  return { server, name, ...(workspace ? { workspace_id: workspace.id } : {}), expires_at: cleanLine(expires_at) }
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
