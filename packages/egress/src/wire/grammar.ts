/** A header's name, in lower case (RFC 9110, 5.6.2). */
export const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/** What a header may say (RFC 9110, 5.5). */
export const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/
