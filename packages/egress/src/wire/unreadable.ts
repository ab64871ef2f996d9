/** What a server sent is not HTTP. The words never have any of its bytes, which may hold a token. */
export const unreadable = (what: string): Error => Object.assign(new Error(what), { code: 'HPE_UNREADABLE' })
