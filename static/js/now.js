// Writes the device's clock into a form the moment it is sent.
"use strict";
document.addEventListener("submit", (event) => {
  const field = event.target.querySelector("[data-now]");
  if (field) field.value = new Date().toISOString();
}, true);
