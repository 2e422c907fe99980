// Draws the OpenAPI document of the server that this page came from.
"use strict";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function paint() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

function complain(reason) {
  const note = document.createElement("p");
  note.className = "note";
  note.textContent = "The OpenAPI document cannot be read: " + reason;
  document.getElementById("reference").replaceChildren(note);
}

async function draw() {
  const answer = await fetch("../api/v4/openapi.json");
  if (!answer.ok) {
    throw new Error(answer.status + " " + answer.statusText);
  }
  const spec = await answer.json();
  // Whatever the server calls itself, requests go where this page came from.
  spec.servers = [{ url: new URL("..", window.location.href).href.replace(/\/$/, "") }];
  // The credential that people have comes first among the ways to sign in.
  const { privateToken, ...others } = spec.components.securitySchemes;
  spec.components.securitySchemes = { privateToken, ...others };
  SwaggerUIBundle({
    spec,
    dom_id: "#reference",
    deepLinking: true,
    docExpansion: "list",
    filter: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null, // unless told, it asks validator.swagger.io
  });
}

paint();
dark.addEventListener("change", paint);
draw().catch((err) => complain(err.message));
