import { isJson, mapItems, mapMember } from '@onbehalf/mcp'
import { joinUri } from './names.ts'

/** The text of a tool's result with its resources under joined URIs, by which they can be read where the tool was called. */
export const joinResult = (server_identifier: string, text: string): string =>
  mayHold(text) ? mapMember(text, 'content', (content) => joinItems(server_identifier, content)) : text

/** The same of a prompt. */
export const joinPrompt = (server_identifier: string, text: string): string => {
  if (!mayHold(text)) return text
  const joinMessage = (message: string) =>
    mapMember(message, 'content', (content) => joinItem(server_identifier, content))
  return mapMember(text, 'messages', (messages) => mapItems(messages, joinMessage))
}

/** The same of a resource that was read. */
export const joinContents = (server_identifier: string, text: string): string =>
  mapMember(text, 'contents', (contents) =>
    mapItems(contents, (one) => mapMember(one, 'uri', (uri) => joinUriText(server_identifier, uri)))
  )

/** Most results hold no resource. A word can be written by escapes, too. */
const mayHold = (text: string): boolean => text.includes('"resource') || text.includes('\\u')

const joinItems = (server_identifier: string, content: string): string =>
  mapItems(content, (item) => joinItem(server_identifier, item))

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

/** What clients read by themselves, and not through the server (2026-07-28, common URI schemes). */
const isOnTheWeb = (uri: unknown): boolean => /^https?:/i.test(String(uri))
