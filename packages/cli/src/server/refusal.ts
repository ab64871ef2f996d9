import { Problem } from '../problem.ts'
import { cleanLine } from '../terminal/clean.ts'
import { checkLink } from './address.ts'

type Refused = { status: number; body: unknown }

const fieldOf = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null && name in body
    ? Object.entries(body).find(([key]) => key === name)?.[1]
    : undefined

/** The faults of the input, each with where it is. */
const faultsIn = (body: unknown): string => {
  const details = fieldOf(body, 'details')
  const faults = Array.isArray(details) ? details : []
  return faults
    .map((one: unknown) => ` ${cleanLine(fieldOf(one, 'path'))}: ${cleanLine(fieldOf(one, 'message'))}.`)
    .join('')
}

/** What a server's refusal is to whoever ran the command. */
export const refusalOf = ({ status, body }: Refused, server: string, isInsecure: boolean): Problem => {
  const code = cleanLine(fieldOf(body, 'code') ?? fieldOf(body, 'error'), 64)
  const words = cleanLine(fieldOf(body, 'message') ?? fieldOf(body, 'error_description'))
  if (status === 401)
    return new Problem(
      'signIn',
      `You are not signed in at ${server}, or no longer. Sign in again: onbehalf login --server ${server}`
    )
  const link = fieldOf(body, 'connect_url') ?? fieldOf(body, 'authorize_url')
  if (status === 428 && link !== undefined)
    return new Problem('signIn', `${words} Open ${checkLink(link, isInsecure)}, then try again. (${code})`)
  return new Problem(
    status >= 500 ? 'unreachable' : 'refused',
    `${words || `The server answered ${status}.`}${faultsIn(body)} (${code || status})`
  )
}
