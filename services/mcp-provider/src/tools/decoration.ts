import type { ToolDecoration } from '@onbehalf/contracts'
import { isJson, type Json, type McpTool } from '@onbehalf/mcp'

type Fault = { member: string; reason: string }

const bytesMax = 16 * 1024
// What we say in answers of our own.
const ownKey = /^onbehalf\//i
const taskWords: readonly unknown[] = ['forbidden', 'optional', 'required']

/** What of it is passed on; what is not is left out by its member, and the tool stays. */
export const decorationOf = ({ icons, _meta, execution }: McpTool): { kept: ToolDecoration; faults: Fault[] } => {
  const listed = Array.isArray(icons) ? icons : []
  const pictures = listed.filter(isJson).filter(isPicture).map(pictureOf)
  const faults: Fault[] = []
  if (pictures.length < listed.length)
    faults.push({ member: 'icons', reason: 'has one without an https: or data:image/ address' })
  const isKept = (member: string, value: unknown): boolean => {
    const isLarge = Buffer.byteLength(JSON.stringify(value)) > bytesMax
    if (isLarge) faults.push({ member, reason: 'is larger than 16 KB' })
    return !isLarge
  }
  const meta = isJson(_meta) ? withoutOwnKeys(_meta) : {}
  const kept = {
    ...(pictures.length > 0 && isKept('icons', pictures) && { icons: pictures }),
    ...(Object.keys(meta).length > 0 && isKept('_meta', meta) && { _meta: meta }),
    // Nobody reviews more of it.
    ...(isJson(execution) &&
      taskWords.includes(execution.taskSupport) && { execution: { taskSupport: execution.taskSupport } })
  }
  return { kept, faults }
}

/** Whoever lists them may show them: none runs a script, reads a file, or is fetched in clear. */
const isPicture = ({ src }: Json): boolean =>
  typeof src === 'string' && (/^data:image\//i.test(src) || (/^https:/i.test(src) && URL.canParse(src)))

/** What MCP knows of an icon, where it is of the kind that MCP says: a client may refuse a whole list for less. */
const pictureOf = ({ src, mimeType, sizes, theme }: Json): Json => ({
  src,
  ...(typeof mimeType === 'string' && { mimeType }),
  ...(Array.isArray(sizes) && sizes.every((size) => typeof size === 'string') && { sizes }),
  ...((theme === 'light' || theme === 'dark') && { theme })
})

const withoutOwnKeys = (meta: Json): Json =>
  Object.fromEntries(Object.entries(meta).filter(([key]) => !ownKey.test(key)))
