"""Those who use the queue in the campaign: processes of their own, which write down what they did and what they got."""
