/** The charts' library, which brickd serves under this name. */
export { default } from 'uplot';
