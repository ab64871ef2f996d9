/** Where a server listens when its URL does not say, by the URL's scheme. */
export const defaultPorts: Readonly<Record<string, string>> = {
  'postgres:': '5432',
  'postgresql:': '5432',
  'redis:': '6379',
  'rediss:': '6379',
  'nats:': '4222',
  'tls:': '4222'
}

/** A server's URL as it may be shown: with its port and without a password. NATS has several, with commas between. */
export const addressOf = (urls: string): string =>
  URL.canParse(urls) ? oneAddress(urls) : urls.split(',').map(oneAddress).join(', ')

const oneAddress = (text: string): string => {
  if (!URL.canParse(text)) return 'a value that is not a URL'
  const { protocol, username, password, hostname, port, pathname } = new URL(text)
  // A NATS token stands where the user does, with no password behind it.
  const isToken = /^(nats|tls):$/.test(protocol) && password === ''
  const user = username === '' || isToken ? '' : `${username}@`
  return `${protocol}//${user}${hostname}:${port || defaultPorts[protocol]}${pathname}`
}
