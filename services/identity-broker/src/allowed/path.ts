/** Where people see and take back what may be done as them. */
export const allowedPath = '/auth/allowed'
