/**
 * The text of the result of an answer that is written the way that most servers write it: the result last, or first as the
 * TypeScript SDK has it. Undefined where it is not; and it is such an answer only if that text is one JSON value.
 */
export const plainResultText = (text: string, id: number): string | undefined => {
  const beginning = `{"jsonrpc":"2.0","id":${id},"result":{`
  if (text.startsWith(beginning) && text.endsWith('}}')) return text.slice(beginning.length - 1, -1)
  const end = `},"jsonrpc":"2.0","id":${id}}`
  return text.startsWith(first) && text.endsWith(end) ? text.slice(first.length - 1, 1 - end.length) : undefined
}

const first = '{"result":{'
