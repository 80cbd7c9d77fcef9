// Runs in: browser.

const query = new URLSearchParams(location.search);
const answer = document.getElementById("answer");
const waitSeconds = Number(query.get("wait"));

if (waitSeconds > 0) {
  answer.textContent = `Too many wrong tokens: try again in ${Math.ceil(waitSeconds)} s.`;
} else if (query.has("failed")) {
  answer.textContent = "This is not the token.";
}
