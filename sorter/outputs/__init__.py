"""What leaves the sorter: the wire's messages, the MQTT publisher, the metrics and their HTTP door."""
