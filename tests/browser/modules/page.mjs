// Where the page's modules are.
export const JS = new URL("../../../src/vivavoce/playground/static/js/", import.meta.url);
