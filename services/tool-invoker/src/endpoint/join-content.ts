import { ReportedError } from '@onbehalf/errors'
import { isJson, mapItems, mapMember } from '@onbehalf/mcp'
import { joinUri } from './names.ts'

/**
 * The text of a tool's result with its resources under joined URIs, by which they can be read where the tool was called.
 * Throws `upstream_error`, as the others do, where it has too many items: one that is left as it is could lead to another
 * provider.
 */
export const joinResult = (server_identifier: string, text: string): string =>
  mayHold(text) ? mapItemsOf(text, 'content', (item) => joinItem(server_identifier, item)) : text

/** The same of a prompt. */
export const joinPrompt = (server_identifier: string, text: string): string => {
  if (!mayHold(text)) return text
  const joinMessage = (message: string) =>
    mapMember(message, 'content', (content) => joinItem(server_identifier, content))
  return mapItemsOf(text, 'messages', joinMessage)
}

/** The same of a resource that was read. */
export const joinContents = (server_identifier: string, text: string): string =>
  mapItemsOf(text, 'contents', (one) => mapMember(one, 'uri', (uri) => joinUriText(server_identifier, uri)))

/** Most results hold no resource. A word can be written by escapes, too. */
const mayHold = (text: string): boolean => text.includes('"resource') || text.includes('\\u')

/** To map an item takes a quarter of a kilobyte, however small it is. */
const itemsMax = 10_000

/** Maps the items of each member of a name, of which a text may have several; one without items counts as one. */
const mapItemsOf = (text: string, name: string, map: (item: string) => string): string => {
  let left = itemsMax
  return mapMember(text, name, (array) => {
    const before = left
    const mapAndCount = (item: string): string => {
      left -= 1
      return map(item)
    }
    const mapped = mapItems(array, mapAndCount, left)
    if (left === before) left -= 1
    if (mapped === undefined || left < 0) throw tooMany()
    return mapped
  })
}

// Spliced rather than written anew, which would cost what a double does not hold of a number.
const joinItem = (server_identifier: string, text: string): string => {
  const item: unknown = JSON.parse(text)
  if (!isJson(item)) return text
  const joinIn = (object: string) => mapMember(object, 'uri', (uri) => joinUriText(server_identifier, uri))
  if (item.type === 'resource_link') return isOnTheWeb(item.uri) ? text : joinIn(text)
  return item.type === 'resource' ? mapMember(text, 'resource', joinIn) : text
}

const joinUriText = (server_identifier: string, text: string): string => {
  const uri: unknown = JSON.parse(text)
  return typeof uri === 'string' ? JSON.stringify(joinUri(server_identifier, uri)) : text
}

const tooMany = () =>
  new ReportedError('upstream_error', `The MCP server's answer cannot be used: it holds more than ${itemsMax} items.`)

/** What clients read by themselves, and not through the server (2026-07-28, common URI schemes). */
const isOnTheWeb = (uri: unknown): boolean => /^https?:/i.test(String(uri))
