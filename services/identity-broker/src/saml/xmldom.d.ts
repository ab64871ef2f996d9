// Its own types bring those of a browser along, for the whole repository; this is what we use of it.
type Handle = (message: string) => void

export type Node = { parentNode: Node | null; textContent: string | null }

export type Element = Node & {
  namespaceURI: string | null
  localName: string
  attributes: ArrayLike<{ name: string; value: string }>
  /** The empty string where there is none. */
  getAttribute: (name: string) => string
  getElementsByTagNameNS: (namespace: string, name: string) => ArrayLike<Element>
}

export class DOMParser {
  constructor(options: { errorHandler: { warning: Handle; error: Handle; fatalError: Handle } })
  parseFromString(text: string, type: 'text/xml'): { documentElement: Element | null }
}
