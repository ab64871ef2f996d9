/** What `like` finds lower-case text by that holds these words as they are. */
export const likeOf = (search: string): string => `%${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
