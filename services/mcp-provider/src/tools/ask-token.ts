import { issueToken } from '@onbehalf/contracts'
import { type Bus, call } from '@onbehalf/rpc'
import type { SignProvider } from '../providers/ticket.ts'
import type { AskToken } from './list.ts'

/** Asks identity-broker, which believes the two tickets and nothing else. */
export const createAskToken =
  (bus: Bus, signProvider: SignProvider): AskToken =>
  async (provider, { ticket, callOptions }) => {
    const tickets = { principal: ticket, provider: await signProvider(provider) }
    const { token } = await call(bus, issueToken, tickets, callOptions)
    return token
  }
