const docs = document.getElementById("docs");

Redoc.init(docs.dataset.schema, {}, docs);
