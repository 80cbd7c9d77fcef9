// Runs in: browser.

/**
 * Asks the node. Whoever is not logged in any more comes to the login form.
 *
 * @throws {Error} a sentence for the person
 */
export async function get(path, query = new URLSearchParams()) {
  const words = String(query);
  const response = await fetch(`/api/v1/${path}${words === "" ? "" : `?${words}`}`);
  if (response.status === 401) location.assign("/");
  if (!response.ok) throw new Error(`The node answered ${path} with ${response.status}.`);
  return await response.json();
}
