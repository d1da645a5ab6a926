"""Spark as an engine. `pipeline run` is itself the driver, on this machine as on a cluster, so that nothing
has to be submitted; the recipe says where the cluster is:

    engine:
      spark:
        master: spark://host:7077             # or yarn, k8s://...
        memory: 8g                            # of each executor
        conf:
          spark.archives: environment.tar.gz#environment   # the dependencies; our own packages are sent along
          spark.pyspark.python: ./environment/bin/python

    pipeline run recipe.yaml --engine spark
"""
