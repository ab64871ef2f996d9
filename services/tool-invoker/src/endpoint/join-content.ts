import { isJson, type Json } from '@onbehalf/mcp'
import { joinUri } from './names.ts'

/** Contents of a resource under its joined URI. */
export const atJoinedUri = (server_identifier: string, contents: Json): Json =>
  typeof contents.uri === 'string' ? { ...contents, uri: joinUri(server_identifier, contents.uri) } : contents

/** The text of a tool's result with its resources under joined URIs, by which they can be read where the tool was called. */
export const joinResult = (server_identifier: string, text: string): string =>
  rewrite(text, ({ content, ...rest }) => ({
    ...rest,
    ...(content !== undefined && { content: joinAll(server_identifier, content) })
  }))

/** The same of a prompt. */
export const joinPrompt = (server_identifier: string, text: string): string =>
  rewrite(text, ({ messages, ...rest }) => ({
    ...rest,
    ...(messages !== undefined && { messages: mapJson(messages, (one) => joinMessage(server_identifier, one)) })
  }))

/** Most results hold no resource, and stay in their server's own words. A word can be written by escapes, too. */
const rewrite = (text: string, join: (result: Json) => Json): string => {
  if (!text.includes('"resource') && !text.includes('\\u')) return text
  const result: unknown = JSON.parse(text)
  if (!isJson(result)) return text
  const joined = JSON.stringify(join(result))
  return joined === JSON.stringify(result) ? text : joined
}

const joinMessage = (server_identifier: string, message: Json): Json =>
  isJson(message.content) ? { ...message, content: joinItem(server_identifier, message.content) } : message

const joinAll = (server_identifier: string, content: unknown): unknown =>
  mapJson(content, (item) => joinItem(server_identifier, item))

const joinItem = (server_identifier: string, item: Json): Json => {
  if (item.type === 'resource_link') return isOnTheWeb(item) ? item : atJoinedUri(server_identifier, item)
  if (item.type !== 'resource' || !isJson(item.resource)) return item
  return { ...item, resource: atJoinedUri(server_identifier, item.resource) }
}

/** What clients read by themselves, and not through the server (2026-07-28, common URI schemes). */
const isOnTheWeb = ({ uri }: Json): boolean => /^https?:/i.test(String(uri))

const mapJson = (list: unknown, map: (item: Json) => Json): unknown =>
  Array.isArray(list) ? list.map((item) => (isJson(item) ? map(item) : item)) : list
