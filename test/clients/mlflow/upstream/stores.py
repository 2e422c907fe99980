"""MLflow's stores that speak REST, with the few manners that its SQL stores have on top.

The tests of the SQL stores leave out what MLflow's client always gives, and use
sources that the server takes only with a scheme.
"""

from functools import partial


def tracking(url):
    """Makes a tracking store for the server at url."""
    from mlflow.store.tracking.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    class Store(RestStore):
        def create_run(self, experiment_id, user_id, start_time, tags, run_name):
            return super().create_run(experiment_id, user_id, start_time, tags or [], run_name)

        def search_experiments(self, view_type=1, max_results=1000, **words):
            return super().search_experiments(view_type, max_results, **words)

    return Store(partial(get_default_host_creds, url))


def registry(url):
    """Makes a registry store for the server at url."""
    from mlflow.store.entities import PagedList
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    prefix = "s3://bucket/"

    def bare(version):
        version._source = version.source.removeprefix(prefix) if version.source else version.source
        return version

    class Store(RestStore):
        def create_model_version(self, name, source, *more, **words):
            source = source if ":/" in source else prefix + source
            return bare(super().create_model_version(name, source, *more, **words))

        def get_model_version(self, name, version):
            return bare(super().get_model_version(name, version))

        def get_model_version_download_uri(self, name, version):
            return super().get_model_version_download_uri(name, version).removeprefix(prefix)

        def search_registered_models(self, *words, **more):
            found = super().search_registered_models(*words, **more)
            return PagedList(list(found), found.token or None)

        def search_model_versions(self, *words, **more):
            found = super().search_model_versions(*words, **more)
            return PagedList([bare(v) for v in found], found.token or None)

    return Store(partial(get_default_host_creds, url))
