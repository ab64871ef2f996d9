const open: ReadonlySet<string> = new Set(['active', 'expiring'])

/** Whether people who are no members may sign devices in by single sign-on; a state that nobody knows opens nothing. */
export const coversSso = (licenceState: string): boolean => open.has(licenceState)
