import { ServerIdentifier } from '@onbehalf/contracts'
import { matches } from '@onbehalf/rpc'
import type { NewProvider } from '../providers/shapes.ts'
import type { Entry } from './shapes.ts'

/** An entry as a new provider, or why it can be none. */
export const readEntry = (key: string, { url, serverUrl, command, headers = {} }: Entry): NewProvider | string => {
  const server_url = url ?? serverUrl
  if (server_url === undefined)
    return command === undefined
      ? 'has no url'
      : 'is started by a command (stdio); only servers with a url can be reached from here'
  const name = key.trim()
  if (name === '' || name.length > 40 || hasControl(name))
    return 'has a name that is empty, over 40 characters or not text'
  const server_identifier = identifierOf(name)
  if (!matches(ServerIdentifier, server_identifier)) return 'has a name no server_identifier can be made of'
  const placeholder = [server_url, ...Object.values(headers)].some((value) => /\$\{/.test(value))
  if (placeholder) return 'has a placeholder; put the value in its place'
  return { name, server_url, server_identifier, ...(Object.keys(headers).length > 0 ? { headers } : {}) }
}

const hasControl = (text: string): boolean => [...text].some((one) => one < ' ' || one === '\u007f')

/** The name in the letters of an identifier. */
const identifierOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '-')
    .replace(/_{2,}/g, '_')
    .replace(/^[_-]+|[_-]+$/g, '')
