// Starts Swagger UI on our own description. It keeps no key beyond the page, and asks no other host.
"use strict";

const page = document.documentElement;
const darkness = window.matchMedia("(prefers-color-scheme: dark)");

function followTheScheme() {
  page.classList.toggle("dark-mode", darkness.matches);
}

followTheScheme();
darkness.addEventListener("change", followTheScheme);

const container = document.getElementById("swagger-ui");

SwaggerUIBundle({
  domNode: container,
  url: container.dataset.schema,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  defaultModelsExpandDepth: -1,
  displayRequestDuration: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
